// Two enclaves on one machine that attest each other and agree on a key; start the program twice. Each sends its TARGETINFO
// and a fresh public key, then a REPORT for the other over all of what was sent. Nobody between them can take part: who has
// no enclave here can make no REPORT, and one that was made earlier, or by the other side, says something else.
import { createHash, createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { openEnclave } from '@alcove/enclave'

const socketPath = process.env['PEER_SOCKET'] ?? 'peer.socket'
const bytes = { targetInfo: 512, publicKey: 44, report: 432 }
const sha256 = (...parts: (string | Uint8Array)[]) =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest()

try {
  await using enclave = await openEnclave({
    directory: import.meta.dirname,
    root: process.env['ALCOVE_ROOT'],
  })
  console.log(`I am ${enclave.mrEnclave.toHex()}`)
  const { peer, role } = await meet()
  const { privateKey, publicKey: ownKey } = generateKeyPairSync('x25519')
  const hello = Buffer.concat([enclave.targetInfo, ownKey.export({ format: 'der', type: 'spki' })])
  peer.write(hello)
  const peerHello = await receive(peer, bytes.targetInfo + bytes.publicKey)
  const said = (by: string) =>
    by === role ? sha256(by, hello, peerHello) : sha256(by, peerHello, hello)

  peer.end(await enclave.report(peerHello.subarray(0, bytes.targetInfo), said(role)))
  const body = await enclave.verifyReport(await receive(peer, bytes.report))
  const peerRole = role === 'caller' ? 'listener' : 'caller'
  if (!said(peerRole).equals(body.reportData.subarray(0, 32))) {
    throw new Error('the peer’s REPORT is of another conversation')
  }
  // The same program, and no debug build of it: MRENCLAVE does not tell those apart.
  if (!Buffer.from(body.mrEnclave).equals(enclave.mrEnclave)) {
    throw new Error(`the peer is another program: ${body.mrEnclave.toHex()}`)
  }
  if (body.attributes.flags !== enclave.identity.attributes.flags) {
    throw new Error('the peer has other attributes than I have')
  }
  const der = peerHello.subarray(bytes.targetInfo)
  const publicKey = createPublicKey({ key: der, format: 'der', type: 'spki' })
  console.log(`As ${role} I believe my peer: the same program, in an enclave on this machine`)
  const key = diffieHellman({ privateKey, publicKey })
  console.log(`We share a key; its SHA-256 is ${sha256(key).toHex()}`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

/** Calls whoever listens; where nobody does, listens for one call. */
async function meet(): Promise<{ peer: Socket; role: 'caller' | 'listener' }> {
  const peer = connect(socketPath)
  const failed = await once(peer, 'connect').then(() => undefined, String)
  if (failed === undefined) return { peer, role: 'caller' }
  if (failed.includes('ECONNREFUSED')) await rm(socketPath) // left by a listener that was killed
  const server = createServer().listen(socketPath)
  console.log(`I wait for my peer at ${socketPath}`)
  const [caller] = await once(server, 'connection')
  server.close()
  return { peer: caller, role: 'listener' }
}

async function receive(peer: Socket, length: number): Promise<Buffer> {
  const signal = AbortSignal.timeout(10_000)
  for (;;) {
    const read: Buffer | null = peer.read(length)
    if (read?.byteLength === length) return read
    if (read !== null || peer.readableEnded) throw new Error('the peer hung up')
    await Promise.race(['readable', 'end'].map(event => once(peer, event, { signal })))
  }
}
