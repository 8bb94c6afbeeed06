/** So that an indentation of two more still fits 80 columns. */
export const COLUMNS = 78

/** Words in lines of at most 78 columns: the first after `first`, the others after as many spaces, or after `rest`. */
export function wrapped(
  text: string,
  first: string,
  rest: string = ' '.repeat(first.length),
): string {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last === undefined) lines.push(`${first}${word}`)
    else if (last.length + 1 + word.length <= COLUMNS) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(`${rest}${word}`)
  }
  return lines.join('\n')
}
