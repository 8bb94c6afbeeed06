// `npm run image`: the OCI image, and the lock of its libraries. Composition root: the one that touches the terminal.
import { relative, resolve } from 'node:path'
import { Command, CommanderError, Option } from 'commander'
import { CodedError } from '../../packages/bytes/src/index.ts'
import { type BuiltImage, buildImage, expectMachine, userCache } from './build.ts'
import { fetchServed } from './debian.ts'
import { type Compression, compressions } from './layer.ts'
import { writeArchive } from './layout.ts'
import { lockFile, lockText, readLock, writeLock } from './lock.ts'

const OK = 0
const FAILED = 1
const USAGE = 2

const print = (text: string): void => void process.stdout.write(`${text}\n`)
const tell = (line: string): void => void process.stderr.write(`image: ${line}\n`)
const warn = (line: string): void => tell(`WARNING: ${line}`)

const output = new Option('--output <form>', 'what to print').choices(['text', 'json'])
const program = new Command('npm run image --')
  .description('the OCI image, written without a container engine')
  .configureOutput({ writeErr: () => undefined }) // what is wrong is told in one place, below
  .addHelpText('after', '\ndocs/guides/image.md says what is inside, and how to push it.')

interface BuildArguments {
  readonly compression: Compression
  readonly layout: string
  readonly archive?: string
  readonly lockedOnly: boolean
  readonly output: string
}

program
  .command('build', { isDefault: true })
  .description('write the image as an OCI layout')
  .addOption(
    new Option('--compression <kind>', 'of the layers').choices(compressions).default('zstd'),
  )
  .option('--layout <directory>', 'where the layout goes, in place of what is there', 'dist/image')
  .option('--archive <file>', 'write it as one file too, for ctr images import or docker load')
  .option('--locked-only', 'refuse where a locked library is no longer served', false)
  .addOption(output.default('text'))
  .action(async (options: BuildArguments) => {
    const image = await buildImage({
      compression: options.compression,
      layout: resolve(options.layout),
      lockedOnly: options.lockedOnly,
      environment: process.env,
      onProgress: tell,
      onWarning: warn,
    })
    if (options.archive !== undefined) await writeArchive(image.layout, options.archive)
    const isJson = options.output === 'json'
    print(isJson ? JSON.stringify(image, undefined, 2) : report(image, options.archive))
  })

program
  .command('lock')
  .description('lock the Debian libraries that this machine’s mirrors serve now')
  .option('--check', 'change nothing: exit code 1 where the lock is not what is served')
  .addOption(output.default('text'))
  .action(async ({ check = false, output }: { check?: boolean; output: string }) => {
    expectMachine()
    const before = await readLock()
    const fetched = await fetchServed({
      cache: `${userCache(process.env)}/debian`,
      onProgress: tell,
    })
    const packages = fetched.packages.map(({ path: _, ...one }) => one)
    const changed = lockText(packages) !== lockText(before)
    if (changed && !check) await writeLock(packages)
    if (changed && check) process.exitCode = FAILED
    if (output === 'json') return print(JSON.stringify({ changed, packages }, undefined, 2))
    const state = check ? 'is behind what is served' : 'was written: look at the difference'
    print(`${relative('.', lockFile)} ${changed ? state : 'is what is served'}`)
  })

for (const command of [program, ...program.commands]) command.exitOverride()

function report(image: BuiltImage, archive: string | undefined): string {
  const layers = image.layers.map(
    ({ name, bytes, archiveBytes }) =>
      `${megabytes(bytes)}  ${name} (${megabytes(archiveBytes).trim()} unpacked)`,
  )
  const all = image.layers.reduce((sum, { bytes }) => sum + bytes, 0)
  const version = image.reference.slice(image.reference.lastIndexOf(':') + 1)
  return [
    `${image.reference}`,
    `${image.digest}`,
    `commit ${image.revision}; Debian libraries ${image.locked ? 'as locked' : 'NOT as locked'}`,
    ...layers,
    `${megabytes(all)}  in all`,
    ...(archive === undefined ? [] : [`archive ${archive}`]),
    `layout ${relative('.', image.layout)}; push it: skopeo copy oci:${relative('.', image.layout)}:${version} docker://REGISTRY/alcove:${version}`,
  ].join('\n')
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`.padStart(8)
}

function failed(error: unknown): number {
  const isCommander = error instanceof CommanderError
  if (isCommander && error.exitCode === 0) return OK // --help
  const message = error instanceof Error ? error.message : String(error)
  const line = message.replace(/^error: /, '').replaceAll(/\s*\n\s*/g, ' ')
  const code = isCommander ? 'ERR_USAGE' : error instanceof CodedError ? error.code : undefined
  const isUnexpected = code === undefined && error instanceof Error
  if (asksForJson(process.argv)) {
    print(
      JSON.stringify({ error: { code: code ?? 'ERR_UNEXPECTED', message: line } }, undefined, 2),
    )
  } else if (isUnexpected) tell(error.stack ?? line)
  else tell(isCommander ? `${line}; npm run image -- --help says more` : `${line} (${code})`)
  return isCommander ? USAGE : FAILED
}

/** Whether a command line, which may not have been parsed, asks for `--output json`. */
function asksForJson(words: readonly string[]): boolean {
  return /(^|\0)--output[=\0]json(\0|$)/.test(words.join('\0'))
}

try {
  await program.parseAsync()
  process.exitCode ??= OK
} catch (error) {
  process.exitCode = failed(error)
}
