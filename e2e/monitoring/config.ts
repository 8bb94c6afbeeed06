/** A pod of the device plugin. */
export interface Target {
  /** `10.244.11.3:8081` */
  readonly address: string
  readonly node: string
  readonly namespace: string
  readonly pod: string
  readonly container: string
}

/**
 * Prometheus' configuration, as JSON, which is YAML too: the targets as the chart's PodMonitor would find them.
 *
 * @param options.rules path of the file of alert rules
 */
export function prometheusConfig(options: {
  readonly targets: readonly Target[]
  readonly rules: string
}): string {
  return JSON.stringify({
    // A story does not wait for the minute that is usual.
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: [options.rules],
    scrape_configs: [
      {
        job_name: 'alcove-system/alcove-device-plugin',
        // The namespace, pod and container of alcove_epc_allocated_bytes are those of who holds EPC, not the target's.
        honor_labels: true,
        static_configs: options.targets.map(({ address, ...labels }) => ({
          targets: [address],
          labels,
        })),
      },
    ],
  })
}
