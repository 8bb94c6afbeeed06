import type { DerReader } from './der.ts'

/**
 * `SEQUENCE OF SEQUENCE { OID, value }`, in any order, as Intel writes its SGX extension: elements by the last arc of their OID.
 * Values that nobody asks for stay unread.
 */
export class SgxElements {
  readonly #list: DerReader
  /** By arc. */
  readonly #elements: (DerReader | undefined)[] = []

  /**
   * @param parent DER content of the OID that those of the elements are right below
   * @throws {FormatError} for what is no such list, or an element that occurs twice
   */
  constructor(reader: DerReader, parent: Uint8Array) {
    this.#list = reader.sequence('sequence')
    while (!this.#list.done) {
      const element = this.#list.sequence('element')
      const arc = element.oidBelow('oid', parent)
      if (this.#elements[arc] !== undefined) throw element.refuse('oid', `${arc} occurs twice`)
      this.#elements[arc] = element
    }
  }

  /** What `read` makes of an element's value, or `undefined` where there is no such element. */
  optional<T>(arc: number, read: (value: DerReader) => T): T | undefined {
    const element = this.#elements[arc]
    if (element === undefined) return undefined
    const value = read(element)
    element.end()
    return value
  }

  /** @throws {FormatError} also where there is no such element */
  required<T>(arc: number, field: string, read: (value: DerReader) => T): T {
    const value = this.optional(arc, read)
    if (value === undefined) throw this.#list.refuse(field, `element ${arc} is missing`)
    return value
  }
}
