import { equal, match } from 'node:assert/strict'
import { test } from 'node:test'
import { alcove, hello, startUp } from '../../testing/alcove.ts'

test('three nodes of different kinds: two serve, one says why not, and run places by what is left', async () => {
  await using fleet = await startUp('--nodes', '3')
  const said = fleet.stdout()
  match(said, /node1: DC2s_v2, in-kernel driver/)
  match(said, /node2: DC4s_v2, dcap-1\.33 driver/)
  match(
    said,
    /node3: DC2s_v2.*\n.*\n +EPC advertised +none:\n +kernel-driver: .*built without its SGX\s+driver/,
  )
  const on = (...args: readonly string[]) => alcove('run', hello, '--state', fleet.state, ...args)
  const placed = await on('--epc', '100')
  equal(placed.code, 0)
  match(placed.stdout, /node +node2/)
  match(placed.stdout, /device nodes +\/dev\/sgx_enclave, \/dev\/sgx\/enclave/)
  const none = await on('--epc', '200')
  equal(none.code, 1)
  match(
    none.stderr,
    /no node has 200 MiB of EPC left \(node1: 56 MiB left; node2: 112 MiB left; node3: offers no EPC\)/,
  )
  const named = await on('--node', 'node9')
  equal(named.code, 1)
  match(named.stderr, /no node 'node9' is up; there are node1, node2, node3/)
  const { stdout } = await alcove('status', '--state', fleet.state)
  match(stdout, /node3 +DC2s_v2 +in-kernel +none offered/)
})
