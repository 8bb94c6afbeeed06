// `npm run check`: format, lint and types; every one runs, and every one that fails is named at the end.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const bin = join(root, 'node_modules', '.bin')

const checks: readonly [name: string, command: string, args: readonly string[]][] = [
  ['format and lint', 'biome', ['ci', '.']],
  ['promises and switches', 'oxlint', ['--type-aware', '--deny-warnings']],
  ['types', 'tsc', []],
]

const failed = checks.filter(([name, command, args]) => {
  process.stdout.write(`— ${name}: ${[command, ...args].join(' ')}\n`)
  return spawnSync(join(bin, command), args, { cwd: root, stdio: 'inherit' }).status !== 0
})
if (failed.length > 0) {
  process.stderr.write(`failed: ${failed.map(([name]) => name).join(', ')}\n`)
  process.exit(1)
}
