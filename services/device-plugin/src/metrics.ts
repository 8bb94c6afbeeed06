import type { Capability } from '@alcove/host'
import type { PluginEvent, PluginServer } from '@alcove/kubelet'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { isOffer, type NodeOffer } from './node-offer.ts'

/** What a container holds of EPC. */
export interface ContainerEpc {
  readonly namespace: string
  readonly pod: string
  readonly container: string
  readonly bytes: number
}

/** Whom the figures are asked of, when somebody scrapes them. */
export interface MetricsDeps {
  readonly version: string
  readonly epcMode: 'bytes' | 'devices'
  readonly platform: 'hardware' | 'simulated'
  readonly offer: () => NodeOffer
  readonly conditions: () => Capability['conditions']
  /** By resource. */
  readonly servers: () => ReadonlyMap<string, Pick<PluginServer, 'streaming'>>
  readonly devices: () => ReadonlyMap<string, readonly { readonly healthy: boolean }[]>
  /** Bytes of EPC that the node's object lets pods have. */
  readonly allocatableBytes: () => number
  readonly held: () => Promise<readonly ContainerEpc[]>
  /** How often another client has written EPC. */
  readonly overwrites: () => number
}

/** The device plugin's metrics, for Prometheus. What is not an event is read when it is scraped. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #registrations: Counter
  readonly #refused: Counter
  readonly #allocations: Histogram
  readonly #begun = new Set<string>()

  constructor(deps: MetricsDeps) {
    const registers = [this.#registry]
    const resource = { labelNames: ['resource'], registers }
    this.#registrations = new Counter({
      name: 'alcove_device_plugin_registrations_total',
      help: 'Times that a kubelet has accepted the resource; one more for each restart of the kubelet.',
      ...resource,
    })
    this.#refused = new Counter({
      name: 'alcove_device_plugin_allocations_refused_total',
      help: 'Allocations that were refused; the pod was rejected.',
      ...resource,
    })
    this.#allocations = new Histogram({
      name: 'alcove_device_plugin_allocate_seconds',
      help: 'From the kubelet’s request for a container’s devices to the answer.',
      buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
      ...resource,
    })
    this.#addEpc(deps)
    this.#addPlugin(deps)
    this.#addProcess()
  }

  #addEpc({ offer, allocatableBytes, held, overwrites }: MetricsDeps): void {
    this.#gauge('alcove_epc_capacity_bytes', 'EPC that the hardware has.', [], capacity => {
      const now = offer()
      capacity.set(isOffer(now) ? now.epc.bytes : 0)
    })
    this.#gauge(
      'alcove_epc_allocatable_bytes',
      'EPC that pods of this node can have, as the node’s object shows it.',
      [],
      allocatable => allocatable.set(allocatableBytes()),
    )
    this.#gauge(
      'alcove_epc_allocated_bytes',
      'EPC that a container has been given.',
      ['namespace', 'pod', 'container'],
      async allocated => {
        for (const { bytes, ...labels } of await held()) allocated.set(labels, bytes)
      },
    )
    const overwritten: Counter = new Counter({
      name: 'alcove_epc_overwritten_total',
      help: 'Times that another client has changed sgx.intel.com/epc on this node; it was put back.',
      registers: [this.#registry],
      collect: () => {
        overwritten.reset()
        overwritten.inc(overwrites())
      },
    })
  }

  #addPlugin({ version, epcMode, platform, devices, servers, conditions }: MetricsDeps): void {
    this.#gauge(
      'alcove_device_plugin_info',
      'Which plugin this is.',
      ['version', 'epc_mode', 'platform'],
      info => info.set({ version, epc_mode: epcMode, platform }, 1),
    )
    this.#gauge(
      'alcove_device_plugin_devices',
      'Devices that the kubelet is offered.',
      ['resource', 'health'],
      offered => {
        for (const [resource, list] of devices()) {
          const healthy = list.filter(device => device.healthy).length
          offered.set({ resource, health: 'healthy' }, healthy)
          offered.set({ resource, health: 'unhealthy' }, list.length - healthy)
        }
      },
    )
    this.#gauge(
      'alcove_device_plugin_registered',
      '1 where the resource is registered with the kubelet, which follows its list.',
      ['resource'],
      registered => {
        for (const [resource, { streaming }] of servers()) {
          registered.set({ resource }, streaming ? 1 : 0)
        }
      },
    )
    this.#gauge(
      'alcove_node_condition',
      '1 where the condition of `alcove doctor` is met, 0 where it is not, or that is not known.',
      ['condition'],
      condition => {
        for (const { name, met } of conditions()) {
          condition.set({ condition: name }, met === true ? 1 : 0)
        }
      },
    )
  }

  #gauge(
    name: string,
    help: string,
    labelNames: string[],
    read: (gauge: Gauge) => void | Promise<void>,
  ): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      labelNames,
      registers: [this.#registry],
      collect: () => {
        gauge.reset()
        return read(gauge)
      },
    })
  }

  #addProcess(): void {
    const registers = [this.#registry]
    const startedSeconds = Date.now() / 1000 - process.uptime()
    new Gauge({
      name: 'process_start_time_seconds',
      help: 'When this process began, Unix time.',
      registers,
    }).set(startedSeconds)
    const resident: Gauge = new Gauge({
      name: 'process_resident_memory_bytes',
      help: 'Resident memory.',
      registers,
      collect: () => resident.set(process.memoryUsage.rss()),
    })
    const cpu: Counter = new Counter({
      name: 'process_cpu_seconds_total',
      help: 'User and system CPU time.',
      registers,
      collect: () => {
        const { user, system } = process.cpuUsage()
        cpu.reset()
        cpu.inc((user + system) / 1e6)
      },
    })
  }

  /** Counts what a resource's server tells. */
  note(resource: string, event: PluginEvent): void {
    this.#begin(resource)
    if (event.event === 'registered') this.#registrations.inc({ resource })
    if (event.event === 'allocate') this.#allocations.observe({ resource }, event.ms / 1000)
    if (event.event === 'allocate-refused') this.#refused.inc({ resource })
  }

  /** Counts from 0 on, visibly: of a count that is first seen as 1 Prometheus sees no increase. */
  #begin(resource: string): void {
    if (this.#begun.has(resource)) return
    this.#begun.add(resource)
    this.#registrations.inc({ resource }, 0)
    this.#refused.inc({ resource }, 0)
    this.#allocations.zero({ resource })
  }

  /** In Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics()
  }
}
