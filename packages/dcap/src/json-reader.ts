// Over 300 lines: one cursor, and every kind of value that it reads.
import { CollateralError } from './collateral-error.ts'

/** As deep as Intel's JSON and then some: a bound on recursion, for what is read and for what is passed over. */
const DEEPEST = 64
/** A bound on how many keys one is compared with; Intel's objects have up to 18. */
const MOST_KEYS = 256

/**
 * A cursor over strict JSON text (RFC 8259). It reads what a caller asks for, field by field, and checks and passes over the
 * rest; a value of another type, or out of its bounds, is refused with its path: `tcbInfo.tcbLevels.3.tcbStatus`. Written by
 * hand because TCB info is read at each verification from nothing: `JSON.parse` with a schema takes several times as long.
 *
 * Every read throws {CollateralError}: `ERR_COLLATERAL_FORMAT` for what is not JSON, else `ERR_COLLATERAL_VALUE`.
 */
export class JsonReader {
  readonly #text: string
  readonly #name: string
  readonly #path: (string | number)[] = []
  /** Of the objects that are open, one after the other. */
  readonly #keys: string[] = []
  #position = 0
  #depth = 0
  /** By their text: levels have few dates between them. */
  readonly #times = new Map<string, Date>()

  /** @param name of the whole, for errors outside of any of its members */
  constructor(text: string, name: string) {
    this.#text = text
    this.#name = name
  }

  /** Where the cursor is: the end of the value that was read last. */
  get position(): number {
    return this.#position
  }

  /** Where the next value starts. */
  get start(): number {
    this.#space()
    return this.#position
  }

  /**
   * Reads an object. `member` is called at each value with its key, and reads it or does not: what it leaves is passed over.
   * A key that occurs twice is refused: two readers could each believe another one.
   */
  object(member: (key: string) => void): void {
    if (!this.#opens(OBJECT)) throw this.refuse('want an object')
    const first = this.#keys.length
    for (let more = !this.#closes(OBJECT_END); more; more = this.#continues(OBJECT_END)) {
      const key = this.#string()
      if (!this.#isNewKey(key, first)) throw this.#malformed(`"${key.slice(0, 40)}" occurs twice`)
      this.#space()
      this.#expect(COLON)
      this.#path.push(key)
      const value = this.start
      member(key)
      if (this.#position === value) this.skip()
      this.#path.pop()
    }
    this.#keys.length = first
    this.#depth--
  }

  /** Whether the object whose keys start at `first` has not had this key; then it has. */
  #isNewKey(key: string, first: number): boolean {
    if (this.#keys.length - first >= MOST_KEYS) {
      throw this.#malformed(`an object of more than ${MOST_KEYS} members`)
    }
    for (let at = first; at < this.#keys.length; at++) if (this.#keys[at] === key) return false
    this.#keys.push(key)
    return true
  }

  /** Reads an array; `element` must read the value that it is called at, or leave it to be passed over. */
  array(element: (index: number) => void): void {
    if (!this.#opens(ARRAY)) throw this.refuse('want an array')
    let index = 0
    for (let more = !this.#closes(ARRAY_END); more; more = this.#continues(ARRAY_END)) {
      this.#path.push(index)
      const value = this.start
      element(index)
      if (this.#position === value) this.skip()
      this.#path.pop()
      index++
    }
    this.#depth--
  }

  string(longest: number): string {
    this.#space()
    if (this.#next !== QUOTE) throw this.refuse('want a string')
    const text = this.#string()
    if (text.length <= longest) return text
    throw this.refuse(`want at most ${longest} characters`)
  }

  /**
   * An array of objects with one member, an integer from 0 to `max`, as Intel writes it: `[{"svn":11},{"svn":0}]`. Most of TCB info is these.
   * `undefined` where anything else stands, which the cursor is left at.
   */
  onlyUnsigneds(opening: string, max: number): number[] | undefined {
    const text = this.#text
    const before = this.#position
    if (text.charCodeAt(before) !== ARRAY) return undefined
    const values: number[] = []
    let separator = COMMA
    for (let first = before + 1; separator === COMMA; first = this.#position + 1) {
      this.#position = first
      const value = this.#onlyUnsigned(opening, max)
      separator = text.charCodeAt(this.#position)
      if (value === undefined || (separator !== COMMA && separator !== ARRAY_END)) {
        this.#position = before
        return undefined
      }
      values.push(value)
    }
    this.#position++
    return values
  }

  /** One of these objects, right at the cursor. */
  #onlyUnsigned(opening: string, max: number): number | undefined {
    const text = this.#text
    if (!text.startsWith(opening, this.#position)) return undefined
    const start = this.#position + opening.length
    let at = start
    let value = 0
    let digit = text.charCodeAt(at) - ZERO
    for (; digit >= 0 && digit <= 9; digit = text.charCodeAt(++at) - ZERO)
      value = 10 * value + digit
    const isPadded = at > start + 1 && text.charCodeAt(start) === ZERO
    if (at === start || isPadded || value > max || text.charCodeAt(at) !== OBJECT_END) {
      return undefined
    }
    this.#position = at + 1
    return value
  }

  /** An integer from 0 to `max`, without a fraction or an exponent. */
  unsigned(max: number): number {
    this.#space()
    const start = this.#position
    this.#skipNumber()
    let value = 0
    for (let at = start; at < this.#position; at++) {
      const digit = this.#text.charCodeAt(at) - ZERO
      if (digit < 0 || digit > 9) throw this.refuse(`want an integer from 0 to ${max}`)
      value = value * 10 + digit
    }
    if (this.#position > start && value <= max) return value
    throw this.refuse(`want an integer from 0 to ${max}`)
  }

  /** Hex of exactly `bytes` bytes, of either case, as lower case. */
  hex(bytes: number): string {
    const text = this.string(LONGEST_HEX)
    if (text.length === 2 * bytes && HEX.test(text)) return text.toLowerCase()
    throw this.refuse(`want ${bytes} bytes in hex`)
  }

  /** A time as Intel writes it: `2025-06-19T10:01:18Z`. A day that does not exist is refused. */
  utcSecond(): Date {
    const text = this.string(LONGEST_TIME)
    const known = this.#times.get(text)
    if (known !== undefined) return known
    const date = parseUtcSecond(text)
    if (date !== undefined) {
      this.#times.set(text, date)
      return date
    }
    throw this.refuse(`want a time like 2025-06-19T10:01:18Z, found ${JSON.stringify(text)}`)
  }

  oneOf<T extends string>(allowed: readonly T[]): T {
    const text = this.string(64)
    const found = allowed.find(one => one === text)
    if (found !== undefined) return found
    throw this.refuse(`want one of ${allowed.join(', ')}`)
  }

  /** Refuses anything but white space after the value. */
  end(): void {
    this.#space()
    if (this.#position < this.#text.length) throw this.#malformed('text after the value')
  }

  /** What must not be missing from the object that the cursor is in, or was in last. */
  required<T>(value: T | undefined, key: string): T {
    if (value !== undefined) return value
    throw new CollateralError('ERR_COLLATERAL_VALUE', [...this.#path, key].join('.'), 'missing')
  }

  /** The error to throw for the value that the cursor is at. */
  refuse(detail: string): CollateralError {
    const field = this.#path.length === 0 ? this.#name : this.#path.join('.')
    return new CollateralError('ERR_COLLATERAL_VALUE', field, detail)
  }

  get #next(): number {
    return this.#text.charCodeAt(this.#position)
  }

  #space(): void {
    const text = this.#text
    let at = this.#position
    // Intel's JSON has none: the first look is the last.
    for (let code = text.charCodeAt(at); code <= 0x20; code = text.charCodeAt(++at)) {
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) break
    }
    this.#position = at
  }

  #opens(bracket: number): boolean {
    this.#space()
    if (this.#next !== bracket) return false
    this.#position++
    if (++this.#depth > DEEPEST) throw this.#malformed(`nested more than ${DEEPEST} deep`)
    return true
  }

  /** Whether the brackets close here, right after they opened. */
  #closes(bracket: number): boolean {
    this.#space()
    if (this.#next !== bracket) return false
    this.#position++
    return true
  }

  /** After a value: whether a comma and another one follow, not the closing bracket. */
  #continues(bracket: number): boolean {
    if (this.#closes(bracket)) return false
    this.#expect(COMMA)
    this.#space()
    return true
  }

  #expect(code: number): void {
    if (this.#next !== code) {
      throw this.#malformed(`want ${String.fromCharCode(code)} at character ${this.#position}`)
    }
    this.#position++
  }

  #string(): string {
    this.#expect(QUOTE)
    const text = this.#text
    const start = this.#position
    let at = start
    // NaN, past the end, is not at least a space either.
    for (let code = text.charCodeAt(at); code >= 0x20; code = text.charCodeAt(++at)) {
      if (code === QUOTE) {
        this.#position = at + 1
        return text.slice(start, at)
      }
      if (code === BACKSLASH) {
        this.#position = at
        return this.#escaped(start)
      }
    }
    throw this.#malformed('a string that does not end, or a control character')
  }

  /** A string with escapes, which Intel's JSON has none of: found by its end, and left to JSON.parse. */
  #escaped(start: number): string {
    while (this.#next !== QUOTE) {
      if (this.#position >= this.#text.length) throw this.#malformed('a string that does not end')
      this.#position += this.#next === BACKSLASH ? 2 : 1
    }
    this.#position++
    try {
      return JSON.parse(this.#text.slice(start - 1, this.#position))
    } catch (cause) {
      throw this.#malformed('a string that is not JSON', cause)
    }
  }

  /** Checks the next value, whatever it is, and passes over it. */
  skip(): void {
    this.#space()
    const code = this.#next
    if (code === OBJECT) this.object(nothing)
    else if (code === ARRAY) this.array(nothing)
    else if (code === QUOTE) this.#string()
    else if (!this.#skipWord('true') && !this.#skipWord('false') && !this.#skipWord('null')) {
      const start = this.#position
      this.#skipNumber()
      if (this.#position === start) throw this.#malformed(`no JSON value at character ${start}`)
    }
  }

  #skipWord(word: string): boolean {
    if (!this.#text.startsWith(word, this.#position)) return false
    this.#position += word.length
    return true
  }

  #skipNumber(): void {
    // The usual number is a few digits: the whole grammar is looked at only for what else follows.
    const text = this.#text
    const start = this.#position
    let at = start
    let after = text.charCodeAt(at)
    while (after >= ZERO && after <= NINE) after = text.charCodeAt(++at)
    const isPlain = at > start && after !== POINT && (after | 0x20) !== 0x65
    if (isPlain && (text.charCodeAt(start) !== ZERO || at === start + 1)) {
      this.#position = at
      return
    }
    const number = new RegExp(NUMBER)
    number.lastIndex = start
    const found = number.exec(this.#text)
    if (found !== null) this.#position = number.lastIndex
  }

  #malformed(detail: string, cause?: unknown): CollateralError {
    return new CollateralError('ERR_COLLATERAL_FORMAT', this.#name, `not JSON: ${detail}`, {
      cause,
    })
  }
}

const OBJECT = 0x7b
const OBJECT_END = 0x7d
const ARRAY = 0x5b
const ARRAY_END = 0x5d
const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const COMMA = 0x2c
const POINT = 0x2e
const ZERO = 0x30
const NINE = 0x39
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const LONGEST_HEX = 2048
const LONGEST_TIME = 64
const HEX = /^[0-9a-fA-F]*$/
const UTC_SECOND = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)Z$/

/** For members and elements that are left to be passed over. */
function nothing(): void {
  // The reader passes over what is not read.
}

function parseUtcSecond(text: string): Date | undefined {
  if (!UTC_SECOND.test(text)) return undefined
  const two = (at: number) => 10 * (text.charCodeAt(at) - ZERO) + text.charCodeAt(at + 1) - ZERO
  const [month, day, hour, minute, second] = [two(5), two(8), two(11), two(14), two(17)]
  const date = new Date(Date.UTC(100 * two(0) + two(2), month - 1, day, hour, minute, second))
  // A day that does not exist would roll over into the next month.
  const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day
  return exists && hour < 24 && minute < 60 && second < 60 ? date : undefined
}
