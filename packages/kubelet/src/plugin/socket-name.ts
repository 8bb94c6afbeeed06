/** One process's service of one resource. Its sockets are `STEM-TAG-LIFE.sock`: `alcove-epc-mie2x0k47q-0.sock`. */
export interface Instance {
  readonly stem: string
  /** The later an instance has started, the later is its tag in the alphabet. */
  readonly tag: string
}

const TIME_DIGITS = 8
const CHANCE_DIGITS = 2
const DIGIT = '[0-9a-z]'
const TAG = `${DIGIT}{${TIME_DIGITS + CHANCE_DIGITS}}`

/** An instance that has started at `startedMs` since 1970; `chance` below 1296 tells it from one of the same millisecond. */
export function instanceOf(stem: string, startedMs: number, chance: number): Instance {
  const time = startedMs.toString(36).padStart(TIME_DIGITS, '0').slice(-TIME_DIGITS)
  return { stem, tag: time + chance.toString(36).padStart(CHANCE_DIGITS, '0') }
}

/** The socket's name in its life number `life`. */
export function socketName({ stem, tag }: Instance, life: number): string {
  return `${stem}-${tag}-${life.toString(36)}.sock`
}

/** Names of every socket of the instances with this stem. */
export function namesOfStem(stem: string): RegExp {
  return new RegExp(`^${RegExp.escape(stem)}-(${TAG})-${DIGIT}+\\.sock$`)
}

/** Names of the sockets of all resources that go by the same first word: `alcove-epc` and `alcove-provision`. */
export function namesOfFamily(stem: string): RegExp {
  const [family = stem] = stem.split('-')
  return new RegExp(`^${RegExp.escape(family)}(-[-A-Za-z0-9_.]+)?-${TAG}-${DIGIT}+\\.sock$`)
}
