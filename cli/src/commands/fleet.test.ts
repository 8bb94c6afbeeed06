import { equal, match, ok } from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { alcove, startUp } from '../../testing/alcove.ts'
import { projectRoot } from '../program-root.ts'

/** The guide's commands, each with the lines that it is said to print. */
const guide = await readFile(join(projectRoot, 'docs/guides/fleet.md'), 'utf8')
const transcripts = Array.from(guide.matchAll(/^```console\n([\s\S]*?)^```/gm), ([, block = '']) =>
  block.split(/^\$ npx alcove /m).slice(1),
)
  .flat()
  .map(text => {
    const [command = '', ...lines] = text.trimEnd().split('\n')
    return { command, lines }
  })

/** What differs from one machine, and one start, to another. */
function anonymous(text: string, state: string): string[] {
  return text
    .replaceAll(state, '~/.alcove')
    .replaceAll(/((?:node|kubelet|plugin|helper|process) )\d+/g, '$1PID')
    .split('\n')
}

/** Holds the lines of the guide against what was printed: in this order, without gaps but for `…`. */
function printed(said: readonly string[], told: readonly string[], command: string): void {
  let at = 0
  let anywhere = false
  for (const line of told) {
    if (line === '…') {
      anywhere = true
      continue
    }
    const found: number = anywhere ? said.indexOf(line, at) : said[at] === line ? at : -1
    ok(
      found >= 0,
      `alcove ${command} does not print, where the guide has it:\n${line}\nbut\n${said.slice(at).join('\n')}`,
    )
    at = found + 1
    anywhere = false
  }
}

test('the guide to a fleet says what its commands do', async t => {
  await using fleet = await startUp('--nodes', '3')
  for (const { command, lines } of transcripts) {
    const told = anonymous(lines.join('\n'), '~/.alcove')
    if (command.startsWith('up ')) {
      printed(anonymous(fleet.stdout(), fleet.state), told, command)
      continue
    }
    const { stdout, stderr } = await alcove(...command.split(' '), '--state', fleet.state)
    printed(anonymous(stdout + stderr, fleet.state), told, command)
  }
  t.diagnostic(`commands of the guide replayed: ${transcripts.length}`)
  const named = await alcove(
    'run',
    'examples/hello-enclave',
    '--state',
    fleet.state,
    '--node',
    'node9',
  )
  equal(named.code, 1)
  match(named.stderr, /no node 'node9' is up; there are node1, node2, node3: name one of them/)
  const refusing = await alcove(
    'run',
    'examples/hello-enclave',
    '--state',
    fleet.state,
    '--node',
    'node3',
  )
  equal(refusing.code, 1)
  match(refusing.stderr, /node3 offers no EPC: kernel-driver: .*or use another node/)
})
