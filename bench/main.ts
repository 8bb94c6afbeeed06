// `npm run bench -- FIGURE`: the figures that the documents state, measured beside peers in the same run.
import { parseArgs } from 'node:util'
import type { Figure } from './figure.ts'

const figures: Readonly<Record<string, () => Promise<Figure>>> = {
  daemons: async () => (await import('./daemons.ts')).daemons,
  verify: async () => (await import('./verify.ts')).verify,
  agreement: async () => (await import('./agreement.ts')).agreement,
}

const usage = `npm run bench -- FIGURE [--quick] [--output json]

  daemons   idle memory and CPU of device plugin and quote helper, how soon they serve, and the
            plugin again after its kubelet's restart
  verify    quotes verified in a second, beside the bare cryptography and two other verifiers
  agreement where this verifier and two others differ over every case there is, and why

  --quick   fewer and shorter runs: shows that it works, not a figure to state
`

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      output: { type: 'string', default: 'text' },
      help: { type: 'boolean', default: false },
    },
  })
  const [name = ''] = positionals
  const load = figures[name]
  const understood = positionals.length === 1 && ['text', 'json'].includes(values.output)
  if (values.help || load === undefined || !understood) {
    process.stderr.write(usage)
    return values.help ? 0 : 2
  }
  const figure = await load()
  const progress = (line: string): void => void process.stderr.write(`${line}\n`)
  const { text, json } = await figure({ quick: values.quick, progress })
  process.stdout.write(
    values.output === 'json' ? `${JSON.stringify(json, undefined, 2)}\n` : `${text}\n`,
  )
  return 0
}

process.exitCode = await main()
