// What Alcove's own processes may do on a node, as the kernel says it; and the device plugin on hardware that has no SGX.
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { deletePod, podLog, podsPath } from '../kube/pods.ts'
import { waitUntil } from '../kube/wait.ts'
import { SYSTEM_NAMESPACE } from './names.ts'
import { openWorld } from './world.ts'

const world = openWorld()
const { api } = world

/** The role of each of our processes on the node, with its lines of /proc/PID/status and its root's mount. */
const LOOK = `
for process in /proc/[0-9]*; do
  role=$(tr '\\0' ' ' < $process/cmdline 2>/dev/null | sed -n 's,^/usr/local/bin/alcove-node /opt/alcove/alcove.mjs \\([a-z-]*\\).*,\\1,p')
  [ -n "$role" ] || continue
  echo "role: $role"
  grep -E '^(Uid|Groups|CapEff|CapBnd|Seccomp|NoNewPrivs):' $process/status
  awk '$5 == "/" { print "Root: " substr($6, 1, 2) }' $process/mountinfo
done`

const NOTHING = '0000000000000000'

for (const name of ['sgx-a', 'sgx-b']) {
  test(`${name}: no process of Alcove’s has a capability, a writable root or a way to more`, async () => {
    const said = await world.node(name).run('sh', '-c', LOOK)
    const processes = said.split('role: ').slice(1).map(parse)
    const roles = processes.map(({ role }) => role)
    deepEqual(roles.toSorted(), ['device-plugin', 'quote-helper', 'simulator'])
    for (const { role, facts } of processes) {
      const uid = role === 'device-plugin' ? '0' : '65531'
      equal(facts.get('Uid')?.split('\t')[1], uid, role)
      equal(facts.get('CapEff'), NOTHING, role)
      equal(facts.get('CapBnd'), NOTHING, role)
      equal(facts.get('NoNewPrivs'), '1', role)
      equal(facts.get('Seccomp'), '2', role) // a filter
      equal(facts.get('Root'), 'ro', role)
    }
  })
}

function parse(text: string): { role: string; facts: ReadonlyMap<string, string> } {
  const [role = '', ...lines] = text.trim().split('\n')
  const facts = lines.map(line => {
    const [name = '', value = ''] = line.split(/:\s+/, 2)
    return [name, value] as const
  })
  return { role, facts: new Map(facts) }
}

const DaemonSet = z.object({
  spec: z.object({
    template: z.object({
      metadata: z.object({ labels: z.record(z.string(), z.string()) }),
      spec: z.looseObject({
        containers: z.tuple([
          z.looseObject({
            env: z.array(z.looseObject({ name: z.string(), value: z.string().optional() })),
          }),
        ]),
      }),
    }),
  }),
})

test('on a machine without SGX the plugin says why it offers nothing, and waits', async context => {
  await using pod = await pluginOnHardware(['device-plugin'])
  const log = await pod.said('nothing to offer')
  context.diagnostic(log.trim())
  match(log, /"condition":"cpu-sgx"/)
  match(log, /"simulated":false/)
})

test('a container with the plugin’s rights, to which /dev/cpu is closed, executes CPUID in its own process', async context => {
  await using pod = await pluginOnHardware(['doctor', '--output', 'json'])
  const log = await pod.said('"conditions"')
  const source = /"source": "(CPUID leaf [^"]*, executed)"/.exec(log)?.[1]
  context.diagnostic(String(source))
  ok(source !== undefined, log)
})

/** A pod as the plugin's DaemonSet makes it, but on the node without SGX, of the real platform, and with `args`. */
async function pluginOnHardware(
  args: readonly string[],
): Promise<{ said(text: string): Promise<string> } & AsyncDisposable> {
  const path = `/apis/apps/v1/namespaces/${SYSTEM_NAMESPACE}/daemonsets/alcove-device-plugin`
  const { template } = DaemonSet.parse(await api.get(path)).spec
  const [container] = template.spec.containers
  const env = container.env.map(one =>
    one.name === 'DEVICE_PLUGIN_PLATFORM' ? { ...one, value: 'hardware' } : one,
  )
  const { affinity: _, ...spec } = template.spec
  const name = 'plugin-on-hardware'
  const containers = [{ ...container, args, env }]
  const pod = {
    metadata: { name },
    spec: { ...spec, nodeName: 'plain', restartPolicy: 'Never', containers },
  }
  await deletePod(api, SYSTEM_NAMESPACE, name)
  await api.create(podsPath(SYSTEM_NAMESPACE), pod)
  return {
    said: text =>
      waitUntil(
        async () => {
          const log = await podLog(api, SYSTEM_NAMESPACE, name)
          return log.includes(text) ? log : undefined
        },
        { what: `a pod that says ${text}` },
      ),
    [Symbol.asyncDispose]: () => deletePod(api, SYSTEM_NAMESPACE, name),
  }
}
