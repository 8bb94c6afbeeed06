import type { TestEvent } from 'node:test/reporters'

/**
 * A reporter beside the usual one: sums up, in one line at the end, the cases that `withSharedVectors` did not run.
 * Silent where there were none.
 */
export default async function* notRun(
  events: AsyncIterable<TestEvent>,
): AsyncGenerator<string, void> {
  let cases = 0
  for await (const event of events) {
    if (event.type !== 'test:pass' || typeof event.data.skip !== 'string') continue
    cases += Number(/^(\d+) cases not run/.exec(event.data.skip)?.[1] ?? 0)
  }
  if (cases > 0) yield `${cases} cases not run: the shared vectors are not beside this clone\n`
}
