import { deepEqual, equal, throws } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { test } from 'node:test'
import { errorFields, jsonLog, SettingsReader, serveProbes, stopSignal } from './index.ts'

test('every wrong setting is named at once, typos included', () => {
  const reader = new SettingsReader(
    { QUOTE_HELPER_MAX: '0', QUOTE_HELPER_SOCKT: '/x', OTHER_THING: 'y' },
    'QUOTE_HELPER_',
  )
  equal(reader.integer('MAX', 64, 1, 1024), 64)
  equal(reader.string('SOCKET', '/run/s'), '/run/s')
  reader.problem('PATH', 'required')
  throws(() => reader.end(), {
    code: 'ERR_CONFIG',
    problems: [
      "QUOTE_HELPER_MAX: want an integer from 1 to 1024, got '0'",
      'QUOTE_HELPER_PATH: required',
      'QUOTE_HELPER_SOCKT: unknown setting',
    ],
  })
})

test('a setting that is empty counts as not set', () => {
  const reader = new SettingsReader({ X_A: '', X_B: '7' }, 'X_')
  equal(reader.optional('A'), undefined)
  equal(reader.integer('B', 1, 1, 9), 7)
  reader.end()
})

test('a log line is one JSON object with the event and its facts', () => {
  const lines: string[] = []
  const log = jsonLog('quote-helper', { write: line => void lines.push(line) })
  log.info('ready', { socket: '/x' })
  log.error('failed', errorFields(Object.assign(new Error('no'), { code: 'ERR_X' })))
  const [first, second] = lines.map((line): Record<string, unknown> => JSON.parse(line))
  deepEqual(
    { ...first, time: '' },
    { level: 'info', time: '', service: 'quote-helper', socket: '/x', event: 'ready' },
  )
  deepEqual(second && [second['level'], second['code'], second['message']], [
    'error',
    'ERR_X',
    'no',
  ])
})

test('SIGTERM aborts the stop signal', () => {
  const process = new EventEmitter()
  const signal = stopSignal(process)
  equal(signal.aborted, false)
  process.emit('SIGTERM')
  equal(signal.reason, 'SIGTERM')
})

test('a second signal ends the process at once', () => {
  const exits: number[] = []
  const process = Object.assign(new EventEmitter(), {
    exit: (code: number) => void exits.push(code),
  })
  stopSignal(process)
  process.emit('SIGINT')
  equal(exits.length, 0)
  process.emit('SIGINT')
  equal(exits[0], 130)
})

test('a process started with an IPC channel notices that its parent was killed', async () => {
  const child = `import { stopSignal, aborted } from '${import.meta.dirname}/stop-signal.ts'
    const signal = stopSignal(process)
    process.stdout.write('up ')
    await aborted(signal)
    process.stdout.write(signal.reason)`
  const parent = `import { spawn } from 'node:child_process'
    spawn(process.execPath, ['--input-type=module', '-e', ${JSON.stringify(child)}], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })`
  const started = spawn(process.execPath, ['--input-type=module', '-e', parent], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  started.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
    if (said === 'up ') started.kill('SIGKILL')
  })
  await once(started.stdout, 'end')
  equal(said, 'up parent gone')
})

test('probes say whether the process answers, and whether it does its work, with the reason', async () => {
  let reason: string | undefined = 'no kubelet'
  await using probes = await serveProbes({ port: 0, notReady: () => reason })
  const ask = async (path: string): Promise<[number, string]> => {
    const response = await fetch(`http://127.0.0.1:${probes.port}${path}`)
    return [response.status, await response.text()]
  }
  deepEqual(await ask('/healthz'), [200, 'ok\n'])
  deepEqual(await ask('/readyz'), [503, 'no kubelet\n'])
  reason = undefined
  deepEqual(await ask('/readyz'), [200, 'ok\n'])
  deepEqual(await ask('/metrics'), [404, 'not found\n'])
})

test('metrics are served where there are any, and what fails is told', async () => {
  const notReady = () => undefined
  await using without = await serveProbes({ port: 0, notReady })
  equal((await fetch(`http://127.0.0.1:${without.port}/metrics`)).status, 404)
  let fails = false
  const metrics = async () => (fails ? Promise.reject(new Error('no')) : 'up 1\n')
  await using probes = await serveProbes({ port: 0, notReady, metrics })
  const answer = await fetch(`http://127.0.0.1:${probes.port}/metrics`)
  equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  equal(await answer.text(), 'up 1\n')
  fails = true
  const failed = await fetch(`http://127.0.0.1:${probes.port}/metrics`)
  deepEqual([failed.status, await failed.text()], [500, 'no\n'])
})
