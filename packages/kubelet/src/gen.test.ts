import { equal } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { scratch } from '../testing/counting-plugin.ts'

const packageRoot = join(import.meta.dirname, '..')
const bin = join(packageRoot, '../../node_modules/.bin')
const generated = ['src/gen/device_plugin_pb.ts', 'src/gen/pod_resources_pb.ts']

test('the committed messages are what buf generates from the .proto files', async t => {
  const out = await scratch(t)
  execFileSync(join(bin, 'buf'), ['generate', '--output', out], {
    cwd: packageRoot,
    env: { PATH: `${bin}:${dirname(process.execPath)}:/usr/bin:/bin`, HOME: out },
  })
  for (const file of generated) {
    equal(readFileSync(join(packageRoot, file), 'utf8'), readFileSync(join(out, file), 'utf8'))
  }
})
