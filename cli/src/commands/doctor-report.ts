import {
  absenceText,
  type Condition,
  type DeviceNode,
  type Fact,
  type NodeFacts,
} from '@alcove/host'
import { wrapped } from '../wrap.ts'
import type { Diagnosis } from './doctor.ts'

const WIDTH = 80

/** The diagnosis in lines for a terminal, at most 80 columns. */
export function doctorLines({ simulated, facts, capability, conclusion }: Diagnosis): string[] {
  return [
    ...(simulated === undefined ? [] : [...banner(simulated), '']),
    'FACTS',
    ...factRows(facts).flatMap(factLines),
    '',
    'CONDITIONS',
    ...capability.conditions.flatMap(conditionLines),
    '',
    conclusion,
  ]
}

/** The diagnosis as data, the same fields for every node; a fact that is not known has `absence` for `value`. */
export function doctorJson(diagnosis: Diagnosis): Readonly<Record<string, unknown>> {
  const { simulated, facts, capability, conclusion } = diagnosis
  return {
    simulated: simulated !== undefined,
    simulatedNode: simulated ?? null,
    capable: capability.capable,
    conclusion,
    facts,
    conditions: capability.conditions.map(condition => {
      const { name, met, found, source } = condition
      return { name, met, found, source, remedy: condition.met === true ? null : condition.remedy }
    }),
  }
}

function banner({ size, os }: { size: string; os: string }): string[] {
  const text = `SIMULATED NODE: ${size}, ${os}. Nothing below is real hardware.`
  const rule = '#'.repeat(WIDTH)
  return [rule, `## ${text}`, rule]
}

type Row = readonly [label: string, value: string, source: string]

function factRows(facts: NodeFacts): readonly Row[] {
  const { cpu, kernel } = facts
  return [
    row('CPU', cpu.model, model => model),
    row('CPU vendor', cpu.vendor, vendor => vendor),
    row('virtual machine', cpu.hypervisor, yesNo),
    row('SGX', cpu.sgx, yesNo),
    row('SGX1', cpu.sgx1, yesNo),
    row('SGX2', cpu.sgx2, yesNo),
    row('launch control', cpu.launchControl, yesNo),
    row('FSGSBASE in CPU', cpu.fsgsbase, yesNo),
    row('FSGSBASE allowed', kernel.fsgsbase, yesNo),
    row('OS', facts.os, os => os),
    row('kernel', kernel.release, release => `Linux ${release}`),
    row('built with SGX', kernel.builtWithSgx, yesNo),
    row('switched off', kernel.switchedOff, words => words.join(' ') || 'nothing'),
    row('sgx in cpuinfo', cpu.sgxFlag, yesNo),
    ...deviceRows(facts),
    ...epcRows(facts.epc),
    row('/dev may be run', facts.devExec, yesNo),
  ]
}

/** Every device node that is there, and the role that has none. */
function deviceRows(facts: NodeFacts): readonly Row[] {
  const { deviceNodes, enclaveDevice, provisionDevice } = facts
  const driver = [
    row('driver', facts.driver, name => name),
    row('driver version', facts.driverVersion, version => version),
  ]
  return [
    ...(enclaveDevice.value === undefined ? [] : driver),
    ...deviceNodes.map((node): Row => [`${node.role} device`, accessText(node), node.path]),
    ...(enclaveDevice.value === undefined ? [row('enclave device', enclaveDevice, String)] : []),
    ...(provisionDevice.value === undefined
      ? [row('provision device', provisionDevice, String)]
      : []),
  ]
}

function epcRows(epc: NodeFacts['epc']): readonly Row[] {
  const nodes = epc.value?.nodes ?? []
  const total = row('EPC', epc, ({ bytes }) => mib(bytes))
  if (nodes.length < 2) return [total]
  return [
    [total[0], total[1], `${nodes.length} NUMA nodes together`],
    ...nodes.map(({ node, bytes, path }): Row => [`EPC of node ${node}`, mib(bytes), path]),
  ]
}

function accessText({ mode, gid }: DeviceNode): string {
  return `mode 0${mode.toString(8)}, group ${gid}`
}

function row<T>(label: string, fact: Fact<T>, say: (value: T) => string): Row {
  const value = 'absence' in fact ? `? ${absenceText(fact)}` : say(fact.value)
  return [label, value, fact.source]
}

const LABEL = 18
const VALUE = 26

/** Three columns; a source that does not fit has lines of its own. */
function factLines([label, value, source]: Row): string[] {
  const start = `  ${label.padEnd(LABEL)}${value}`
  const columns = start.padEnd(2 + LABEL + VALUE)
  if (start.length < columns.length && columns.length + source.length <= WIDTH) {
    return [`${columns}${source}`]
  }
  return [start, wrapped(source, ' '.repeat(2 + LABEL))]
}

const NAME = 20

function conditionLines(condition: Condition): string[] {
  const sign = { true: '✓', false: '✗', unknown: '?' }[`${condition.met}`]
  const found = wrapped(condition.found, `  ${sign} ${condition.name.padEnd(NAME)}`)
  if (condition.met === true) return [found]
  const indent = ' '.repeat(4 + NAME)
  return [found, wrapped(`(${condition.source})`, indent), wrapped(condition.remedy, `${indent}→ `)]
}

function yesNo(value: boolean): string {
  return value ? 'yes' : 'no'
}

function mib(bytes: number): string {
  return `${bytes / 2 ** 20} MiB`
}
