/** What a figure is to be, and what it is. */
export interface Goal {
  readonly goal: string
  readonly found: string
  readonly met: boolean
}

export function goalText({ goal, found, met }: Goal): string {
  return `${met ? 'met   ' : 'MISSED'}  ${goal}: ${found}`
}
