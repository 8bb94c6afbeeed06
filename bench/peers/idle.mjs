// A bare Node process: what nothing at all costs.
setInterval(() => undefined, 60_000)
process.stdout.write('ready\n')
