// A server of the stand-in back end in a process of its own, so that its memory is its own: `node stand-in-server.ts PATH`.
import { setTimeout } from 'node:timers/promises'
import { type AesmLimits, serveAesm } from '../src/index.ts'
import { StandInBackend, standInQuote } from './stand-in-backend.ts'

/** What the server says of itself when it is sent anything. */
export interface ServerFigures {
  readonly connections: number
  /** Bytes in use on the heap and beside it, rubbish collected. */
  readonly usedBytes: number
  /** The most that was ever resident. */
  readonly maxResidentBytes: number
  /** Connections closed without an answer, by reason. */
  readonly unanswered: Readonly<Record<string, number>>
}

/** Deadlines that fit into a test, and fewer connections than its bad peers open. */
const limits: Partial<AesmLimits> = { readMs: 1_000, writeMs: 1_000, connections: 128 }

async function main(path: string): Promise<void> {
  const unanswered: Record<string, number> = {}
  const backend = new StandInBackend()
  backend.madeQuote = { quote: standInQuote(4000), qeReport: new Uint8Array(432) }
  backend.beforeQuote = async () => void (await setTimeout(1))
  const server = await serveAesm({
    path,
    backend,
    limits,
    onEvent: event => {
      if (event.kind === 'unanswered') {
        unanswered[event.reason] = (unanswered[event.reason] ?? 0) + 1
      }
    },
  })
  const tell = async (): Promise<void> => {
    // Twice: what a first collection finds unreachable may hold memory beside the heap until the next.
    for (let times = 0; times < 2; times++) {
      globalThis.gc?.()
      await setTimeout(5)
    }
    const { heapUsed, external } = process.memoryUsage()
    const figures: ServerFigures = {
      connections: server.connections,
      usedBytes: heapUsed + external,
      maxResidentBytes: process.resourceUsage().maxRSS * 1024,
      unanswered: { ...unanswered },
    }
    process.send?.(figures)
  }
  process.on('message', () => void tell())
  process.send?.('serving')
}

if (import.meta.main) await main(process.argv[2] ?? '')
