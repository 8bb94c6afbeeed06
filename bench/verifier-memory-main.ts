// `node --expose-gc --max-semi-space-size=1 verifier-memory-main.ts WHAT COUNT`: by how much a process grows with so many verifiers, or
// chains or platforms that one verifier keeps.
import { type Collateral, intelRoots, parseCollateral } from '../packages/dcap/src/index.ts'
import { readOwnEvidence } from './evidence.ts'
import { simulatedPlatforms } from './simulated-platforms.ts'
import type { Growth } from './verifier-memory.ts'
import { createVerifier, type Kept } from './verify-states.ts'

const [what = '', count = 0] = [process.argv[2], Number(process.argv[3])]
if (createVerifier === undefined || globalThis.gc === undefined) {
  throw new TypeError('want createVerifier, and --expose-gc')
}
const newVerifier = createVerifier
const WARM = 200
const collectGarbage = globalThis.gc

/**
 * What `make` leaves behind, for each of `count`. It has made one, again and again, before, so that code does not count; not as often as
 * `count`, whose garbage would leave room for all that is measured.
 */
async function grow(
  count: number,
  make: (count: number) => unknown,
): Promise<Omit<Growth, 'what'>> {
  for (let time = 0; time < WARM; time++) make(1)
  const before = await settled()
  const made = make(count)
  const after = await settled()
  if (made === undefined) throw new TypeError('nothing was made')
  const each = (bytes: number): number => bytes / count
  return {
    count,
    javaScriptBytes: each(after.javaScript - before.javaScript),
    rssBytes: each(after.rss - before.rss),
  }
}

async function settled(): Promise<{ readonly javaScript: number; readonly rss: number }> {
  for (let time = 0; time < 4; time++) {
    collectGarbage()
    // what is finalized is finalized in a later turn
    await new Promise(resolve => setImmediate(resolve))
  }
  const { heapUsed, external, rss } = process.memoryUsage()
  return { javaScript: heapUsed + external, rss }
}

const evidence = readOwnEvidence().find(({ name }) => name === 'sgx-v3-phala')
if (evidence === undefined) throw new TypeError('no evidence')
const { quote, collateral, at } = evidence

/** Each with texts of its own, as if it had read them from a file; it has verified one quote. */
const manyVerifiers = (count: number): unknown =>
  Array.from({ length: count }, () => {
    const verifier = newVerifier(parseCollateral(Buffer.from(collateral).toString()), {
      roots: intelRoots,
    })
    verifier.verify(quote, { at })
    return verifier
  })

const simulated = simulatedPlatforms()
/** One verifier that has seen so many; their quotes are gone. */
const seen =
  (kept: (count: number) => Kept) =>
  (count: number): unknown => {
    const fresh: Collateral = parseCollateral(simulated.collateral)
    const verifier = newVerifier(fresh, { roots: [simulated.root], ...kept(count) })
    for (let index = 0; index < count; index++) {
      verifier.verify(simulated.quote(index), { at: simulated.at })
    }
    return verifier
  }

const makers: Readonly<Record<string, (count: number) => unknown>> = {
  verifiers: manyVerifiers,
  chains: seen(count => ({ maxChains: count, maxPlatforms: 0 })),
  platforms: seen(count => ({ maxChains: count, maxPlatforms: count })),
}
const make = makers[what]
if (make === undefined) throw new TypeError(`want one of ${Object.keys(makers).join(', ')}`)
process.stdout.write(`${JSON.stringify(await grow(count, make))}\n`)
