/** The machine, as far as it decides whether Alcove runs on it; `glibc` is its version where Linux has it. */
export interface Machine {
  readonly platform: string
  readonly arch: string
  readonly glibc: string | undefined
}

export const root: string
export function unservedReason(machine: Machine): string | undefined
export function thisMachine(): Machine
export function pinnedNode(): string
export function becomePinnedNode(args: readonly string[]): void
