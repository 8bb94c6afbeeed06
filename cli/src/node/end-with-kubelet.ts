// Preloaded into every program of the embedded node: a container would end with its pod, a process does not by itself.
process.once('disconnect', () => process.exit(137))
process.channel?.unref()
