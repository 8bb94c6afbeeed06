/** TCB info or a QE identity as Intel serves it, taken apart: peers want the text that is signed and the signature apart. */
export interface SignedText {
  /** The member's object, byte for byte. */
  readonly signed: string
  /** r‖s, hex. */
  readonly signature: string
}

/** Splits `{"<member>":{…},"signature":"<hex>"}`, in which Intel puts the signature last. @throws {TypeError} for another form */
export function splitSignedText(text: string): SignedText {
  const parts =
    /^\s*\{\s*"\w+"\s*:\s*(\{.*\})\s*,\s*"signature"\s*:\s*"([0-9a-fA-F]{128})"\s*\}\s*$/s
  const [, signed, signature] = parts.exec(text) ?? []
  if (signed === undefined || signature === undefined) throw new TypeError('not signed JSON')
  return { signed, signature }
}
