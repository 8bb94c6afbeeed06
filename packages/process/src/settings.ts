import { CodedError } from '@alcove/bytes'

/** Settings in the environment are wrong; lists every problem at once. */
export class ConfigError extends CodedError<'ERR_CONFIG'> {
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super('ERR_CONFIG', problems.join('; '))
    this.problems = problems
  }
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Reads the settings with one prefix, collects what is wrong with them, and knows which ones nobody read. */
export class SettingsReader {
  readonly #prefix: string
  readonly #left = new Map<string, string>()
  readonly #problems: string[] = []

  constructor(environment: Environment, prefix: string) {
    this.#prefix = prefix
    for (const [name, value] of Object.entries(environment)) {
      if (name.startsWith(prefix) && value !== undefined) this.#left.set(name, value)
    }
  }

  string(name: string, fallback: string): string {
    return this.optional(name) ?? fallback
  }

  /** The setting, or `undefined` where it is not set or empty. */
  optional(name: string): string | undefined {
    const key = this.#prefix + name
    const value = this.#left.get(key)
    this.#left.delete(key)
    return value === '' ? undefined : value
  }

  integer(name: string, fallback: number, min: number, max: number): number {
    const text = this.optional(name)
    if (text === undefined) return fallback
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (value >= min && value <= max) return value
    this.problem(name, `want an integer from ${min} to ${max}, got '${text}'`)
    return fallback
  }

  /** Notes what is wrong with a setting; {@link end} throws it. */
  problem(name: string, detail: string): void {
    this.#problems.push(`${this.#prefix}${name}: ${detail}`)
  }

  /** @throws {ConfigError} naming every wrong setting at once, and settings with the prefix that nobody knows. */
  end(): void {
    for (const name of this.#left.keys()) this.#problems.push(`${name}: unknown setting`)
    if (this.#problems.length > 0) throw new ConfigError(this.#problems)
  }
}
