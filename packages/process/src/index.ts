export { errorFields, jsonLog, type Log, type LogFields } from './log.ts'
export { type Probes, serveProbes } from './probes.ts'
export { ConfigError, type Environment, SettingsReader } from './settings.ts'
export { aborted, type StoppableProcess, stopSignal } from './stop-signal.ts'
