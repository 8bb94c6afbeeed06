/** What `--help` of a role says of its settings; a test holds it against what the role reads. */
export const DEVICE_PLUGIN_SETTINGS = `
Settings, in the environment:
  DEVICE_PLUGIN_KUBELET_DIR     where the kubelet’s registration socket is
                                (/var/lib/kubelet/device-plugins)
  DEVICE_PLUGIN_HOST_ROOT       the node’s file system as this process sees it (/)
  DEVICE_PLUGIN_PLATFORM        hardware, or simulated: pods get the platform
                                that the simulator serves on the node (hardware)
  DEVICE_PLUGIN_SIMULATOR_DIR   the simulator’s directory on the node, where the
                                platform is simulated (/run/alcove-simulator)
  DEVICE_PLUGIN_SIMULATED_ROOT  a simulated node’s root in place of the machine
  DEVICE_PLUGIN_AESM_DIR        directory of the AESM socket, to be mounted into
                                every container that gets EPC
  DEVICE_PLUGIN_EPC_MODE        bytes: a number in the node’s status, kept there,
                                and counted devices; or devices: one device per
                                MiB (bytes)
  DEVICE_PLUGIN_RESERVED_EPC_MIB
                                MiB of EPC that are not offered, in bytes: for the
                                quoting enclaves of the quote helper (4)
  DEVICE_PLUGIN_MAX_DEVICES_PER_CONTAINER
                                MiB of EPC that one container gets at most: each
                                is an entry in its pod’s status (16384)
  DEVICE_PLUGIN_CDI             whether containers are put into the group of a
                                device that is reserved for one: on, off, or auto,
                                where the container runtime can (auto)
  DEVICE_PLUGIN_CDI_DIR         where the runtime looks for CDI specs, as this
                                process sees it (/var/run/cdi)
  DEVICE_PLUGIN_NODE_NAME       this node’s name in the API server: EPC in bytes
                                is kept there, and it says what the container
                                runtime is (required for bytes)
  DEVICE_PLUGIN_STARTUP_TAINT   key of the taint that is taken off this node once
                                its EPC can be had
                                (startup-taint.cluster-autoscaler.kubernetes.io/sgx)
  DEVICE_PLUGIN_PROBE_PORT      where /healthz and /readyz are answered; 0:
                                nowhere (0)`

export const QUOTE_HELPER_SETTINGS = `
Settings, in the environment:
  QUOTE_HELPER_SOCKET           where programs look for AESM
                                (/var/run/aesmd/aesm.socket)
  QUOTE_HELPER_PLATFORM         what makes the quotes, on a cluster: simulated, the
                                platform whose devices this container was allocated
                                (required in this version)
  QUOTE_HELPER_SIMULATED_ROOT   in its place, on the node that up starts: the
                                simulated node’s root`

export const DISCOVERY_SETTINGS = `
Settings, in the environment:
  DISCOVERY_NODE_NAME           this node’s name in the API server (required)
  DISCOVERY_HOST_ROOT           the node’s file system as this process sees it (/)
  DISCOVERY_PLATFORM            hardware, or simulated: this machine’s own CPUID is
                                not asked (hardware)
  DISCOVERY_EPC_MODE            how the device plugin publishes EPC: bytes, or
                                devices, of which a kubelet takes so many (bytes)
  DISCOVERY_PROBE_PORT          where /healthz and /readyz are answered; 0:
                                nowhere (0)`
