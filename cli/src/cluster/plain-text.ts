import { wrapped } from '../wrap.ts'

/** Longest word that fits a line of 80 columns at our deepest indentation. */
const LONGEST_WORD = 60

/**
 * Text of a cluster, whose objects many may write, as it may reach a terminal: what would move the cursor, colour, hide or
 * reorder text is a space.
 */
export function plainText(text: string): string {
  return text.toWellFormed().replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
}

/** {@link wrapped}, where a word that fits no line is broken. */
export function folded(text: string, first: string, rest?: string): string {
  const words = text
    .trim()
    .split(/ +/)
    .flatMap(word => word.match(new RegExp(`.{1,${LONGEST_WORD}}`, 'gu')) ?? [word])
  return wrapped(words.join(' '), first, rest)
}
