import { COLUMNS, wrapped } from './wrap.ts'

/** What moves the cursor, colours, hides or reorders text at a terminal. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu
/** Characters that take two columns, or none that can be seen: where a line ends would not be known. */
const wide =
  /\u2800|\ufe0f|[\u1100-\u115f\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffa0\uffe0-\uffe6\u{16fe0}-\u{1b2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/gu
/** A word is broken into pieces of at least this, however deep it is indented. */
const LEAST_ROOM = 20

/**
 * Text that others wrote, as it may reach a terminal: of an object of the cluster, which many may write, or of a certificate that
 * nobody has verified. What is not to be printed is a space, more than two spaces are two, what does not take one column is escaped.
 */
export function plainText(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(unprintable, ' ')
    .replaceAll(/ {3,}/g, '  ')
    .replaceAll(wide, found => `\\u{${found.codePointAt(0)?.toString(16)}}`)
}

/** {@link wrapped}, of text that others wrote: as {@link plainText}, and a word that fits no line is broken. */
export function folded(text: string, first: string, rest?: string): string {
  const room = Math.max(LEAST_ROOM, COLUMNS - Math.max(first.length, rest?.length ?? 0))
  const words = plainText(text)
    .trim()
    .split(' ')
    .flatMap(word => word.match(new RegExp(`.{1,${room}}`, 'gu')) ?? [word])
  return wrapped(words.join(' '), first, rest)
}

/** A value as JSON for people and programs: what is not to be printed is escaped, and reads back as it was. */
export function jsonText(
  value: unknown,
  replacer?: (key: string, value: unknown) => unknown,
): string {
  const lines = JSON.stringify(value, replacer, 2).split('\n')
  return lines.map(line => line.replaceAll(unprintable, escaped)).join('\n')
}

function escaped(text: string): string {
  const units = Array.from({ length: text.length }, (_, index) => text.charCodeAt(index))
  return units.map(unit => `\\u${unit.toString(16).padStart(4, '0')}`).join('')
}
