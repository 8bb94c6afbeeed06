import { randomBytes } from 'node:crypto'
import {
  type PlatformState,
  type Publication,
  provisioned,
  recover,
  statusUnder,
  tcbEvaluationDataNumber,
} from '@alcove/simulator'
import { connectPlatform, type PlatformClient, SimulatorError } from '@alcove/simulator/client'
import { Exit, UsageError } from '../exit.ts'
import { jsonText } from '../plain-text.ts'
import { openState, statePath } from '../state.ts'
import { wrapped } from '../wrap.ts'
import {
  clusterValues,
  clusterValuesYaml,
  collateralOf,
  keysOfState,
  rootOf,
  secretData,
  secretManifest,
  secretYaml,
} from './sim-cluster.ts'
import {
  announcedSockets,
  platformIds,
  readPlatformState,
  readPublication,
  requirePlatformId,
  writePlatformState,
  writePublication,
} from './sim-state.ts'

export type SimAction =
  | 'recover'
  | 'provision'
  | 'status'
  | 'values'
  | 'secret'
  | 'root'
  | 'collateral'

export interface SimOptions {
  readonly state?: string
  /** The one platform to provision or to show; all of them unless told. */
  readonly node?: string
  /** Of the Secret that is printed; those that the chart's simulator mounts unless told. */
  readonly namespace?: string
  readonly name?: string
  readonly output?: string
}

export interface SimDeps {
  readonly print: (text: string) => void
  /** The time of a recovery; now unless told. */
  readonly now?: () => Date
}

/**
 * `alcove sim`: the simulated PCS publishes, simulated platforms are provisioned anew, and how they stand to each other; and
 * what a cluster of simulated nodes and its verifiers need of the state directory.
 */
export async function simCommand(
  action: SimAction,
  options: SimOptions,
  { print, now = () => new Date() }: SimDeps,
): Promise<number> {
  const state = statePath(options.state)
  await openState(state)
  const { json, lines } = await actions[action](state, options, now)
  if (options.output === 'json') print(jsonText(json))
  else for (const line of lines) print(line)
  return Exit.ok
}

interface Said {
  readonly json: object
  readonly lines: readonly string[]
}

const actions: Readonly<
  Record<SimAction, (state: string, options: SimOptions, now: () => Date) => Promise<Said>>
> = { recover: publish, provision, status, values, secret, root, collateral }

/** Intel's part of a TCB recovery. */
async function publish(state: string, { node }: SimOptions, now: () => Date): Promise<Said> {
  if (node !== undefined) {
    throw new UsageError(
      '--node: a TCB recovery is published for all platforms: leave it out, or name the one to update to alcove sim provision',
    )
  }
  const before = readPublication(state)
  const publication = recover(before, now())
  await writePublication(state, publication)
  const { advisory, tcbDate } = publication.recoveries.at(-1) ?? { advisory: '', tcbDate: '' }
  const number = tcbEvaluationDataNumber(publication)
  const platforms = (await statesOf(state)).map(platform => judged(platform, publication))
  return {
    json: { tcbEvaluationDataNumber: number, advisory, tcbDate, platforms },
    lines: [
      'TCB recovery: the simulated PCS published new TCB info and a new QE identity',
      line('TCB evaluation', `${number} (was ${tcbEvaluationDataNumber(before)})`),
      line('advisory', advisory),
      line('TCB date', tcbDate),
      ...platforms.map(({ platformId, status }) => line(platformId, `is now ${status}`)),
      wrapped(
        'Collateral issued from now on says so. Update the platforms: alcove sim provision',
        '',
      ),
    ],
  }
}

/** The operator's part of a TCB recovery: new microcode and quoting enclave, and a PCK certificate for them. */
async function provision(state: string, { node }: SimOptions): Promise<Said> {
  const publication = readPublication(state)
  const known = await statesOf(state)
  if (known.length === 0) throw noPlatform(state)
  const platforms = []
  for (const before of chosen(known, node)) {
    const after = provisioned(before, publication)
    await writePlatformState(state, after)
    const restarts = await onSockets(state, before.platformId, client => client.reload())
    platforms.push({
      before: judged(before, publication),
      after: judged(restarts[0] ?? after, publication),
      up: restarts.length > 0,
      restarted: restarts.some(({ restarted }) => restarted),
    })
  }
  return { json: { platforms }, lines: platforms.flatMap(provisionedLines) }
}

interface Provisioned {
  readonly before: Judged
  readonly after: Judged
  readonly up: boolean
  readonly restarted: boolean
}

function provisionedLines({ before, after, up, restarted }: Provisioned): string[] {
  const change = (from: string | number, to: string | number) =>
    from === to ? `${to}, as before` : `${from} → ${to}`
  const took = restarted
    ? 'restarted: the enclaves on it have ended'
    : up
      ? 'up, and ran this already'
      : 'not up: takes effect when it starts'
  return [
    `Platform ${after.platformId}`,
    line('CPUSVN', change(before.cpuSvn, after.cpuSvn)),
    line('QE ISVSVN', change(before.qeIsvSvn, after.qeIsvSvn)),
    line('PCK certificate', `for CPUSVN ${after.cpuSvn}, PCESVN ${after.pceSvn}`),
    line('TCB status', `${after.status} (was ${before.status})`),
    line('node', took),
  ]
}

/** @throws {UsageError} for a name that no platform has */
function chosen(
  known: readonly PlatformState[],
  node: string | undefined,
): readonly PlatformState[] {
  if (node === undefined) return known
  const found = known.filter(one => one.platformId === node)
  if (found.length > 0) return found
  const ids = known.map(({ platformId }) => platformId).join(', ')
  throw new UsageError(
    `--node ${requirePlatformId(node)}: there is no such platform; there are: ${ids}`,
  )
}

function noPlatform(state: string): UsageError {
  return new UsageError(`no simulated platform has been up with ${state} yet: npm start makes one`)
}

async function status(state: string, { node }: SimOptions): Promise<Said> {
  const publication = readPublication(state)
  const known = await statesOf(state)
  if (known.length === 0 && node !== undefined) throw noPlatform(state)
  const platforms = []
  let newer = false
  for (const platform of chosen(known, node)) {
    const answers = await onSockets(state, platform.platformId, client => client.tcb())
    platforms.push({ ...judged(answers[0] ?? platform, publication), up: answers.length > 0 })
    newer ||= platform.qeIsvSvn > provisioned(platform, publication).qeIsvSvn
  }
  const number = tcbEvaluationDataNumber(publication)
  const { recoveries } = publication
  return {
    json: { tcbEvaluationDataNumber: number, recoveries, platforms },
    lines: [
      'Simulated PCS',
      line('TCB evaluation', `${number}`),
      ...recoveries.map(({ advisory, tcbDate }) => line('recovery', `${tcbDate}, ${advisory}`)),
      'Platforms',
      ...platforms.flatMap(statusLines),
      ...(platforms.length === 0 ? ['  none yet: npm start makes one'] : []),
      ...(newer ? [wrapped(PUBLICATION_LOST, '')] : []),
    ],
  }
}

const PUBLICATION_LOST =
  'A platform is newer than what the PCS has published: pcs.json was deleted or set back after it was provisioned. Restore the file, or use a new state directory.'

function statusLines(one: Judged & { readonly up: boolean }): string[] {
  return [
    line(one.platformId, `${one.status}, ${one.up ? 'up' : 'not up'}`),
    line('', `CPUSVN ${one.cpuSvn}`),
    line('', `PCESVN ${one.pceSvn}, QE ISVSVN ${one.qeIsvSvn}`),
  ]
}

interface Judged {
  readonly platformId: string
  readonly cpuSvn: string
  readonly pceSvn: number
  readonly qeIsvSvn: number
  /** How its quotes come out. */
  readonly status: string
}

function judged(platform: PlatformState, publication: Publication): Judged {
  const { platformId, cpuSvn, pceSvn, qeIsvSvn } = platform
  const status = statusUnder(platform, publication) ?? 'below every TCB level'
  return { platformId, cpuSvn: cpuSvn.toHex(), pceSvn, qeIsvSvn, status }
}

/** Printed where it is asked for and nowhere else: the seed is in it. */
async function secret(state: string, options: SimOptions, now: () => Date): Promise<Said> {
  const { namespace = 'alcove-system', name = 'alcove-simulator' } = options
  const data = secretData(await keysOfState(state, { now: now(), random }))
  const json = secretManifest(data, { namespace, name })
  return { json, lines: [secretYaml(data, { namespace, name })] }
}

async function values(state: string, _options: SimOptions, now: () => Date): Promise<Said> {
  const json = clusterValues(secretData(await keysOfState(state, { now: now(), random })))
  return { json, lines: [clusterValuesYaml(json)] }
}

async function root(state: string, _options: SimOptions, now: () => Date): Promise<Said> {
  const rootPem = rootOf(await keysOfState(state, { now: now(), random }), now())
  return { json: { rootPem }, lines: [rootPem.trimEnd()] }
}

async function collateral(state: string, { node }: SimOptions, now: () => Date): Promise<Said> {
  if (node !== undefined) {
    throw new UsageError('--node: leave it out: collateral is the same for all platforms of a root')
  }
  const deps = { now: now(), random }
  const json = collateralOf(await keysOfState(state, deps), deps)
  return { json, lines: [jsonText(json)] }
}

const random = (length: number): Uint8Array => Uint8Array.from(randomBytes(length))

async function statesOf(state: string): Promise<PlatformState[]> {
  return (await platformIds(state)).map(id => readPlatformState(state, id))
}

/** Asks every process that serves the platform; one that is not there has nothing to say. */
async function onSockets<T>(
  state: string,
  id: string,
  ask: (client: PlatformClient) => Promise<T>,
): Promise<T[]> {
  const answers: T[] = []
  for (const socket of await announcedSockets(state, id)) {
    try {
      await using client = await connectPlatform(socket, undefined)
      answers.push(await ask(client))
    } catch (error) {
      if (!isAbsent(error)) throw error
    }
  }
  return answers
}

function isAbsent(error: unknown): boolean {
  return error instanceof SimulatorError && error.code === 'ERR_SIMULATOR_UNREACHABLE'
}

const NAME = 18

/** Two columns; a platform's name can be longer than its own, and has a line to itself then. */
function line(name: string, value: string): string {
  const indent = ' '.repeat(NAME + 3)
  return name.length > NAME
    ? `  ${name}\n${wrapped(value, indent)}`
    : wrapped(value, `  ${name.padEnd(NAME)} `, indent)
}
