{{- /* What an object is, for people and tools. Called with a list: the root, the name of the part. */}}
{{- define "alcove.labels" -}}
{{- $root := index . 0 -}}
{{ include "alcove.podLabels" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- /* Those of pods: no version, so that an upgrade replaces only pods in which something else changes. */}}
{{- define "alcove.podLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ index . 1 }}
app.kubernetes.io/part-of: alcove
app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
{{- end }}

{{- define "alcove.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ printf "%s@%s" .repository .digest | quote }}
{{- else -}}
{{ printf "%s:%s" .repository (.tag | default $.Chart.AppVersion) | quote }}
{{- end -}}
{{- end -}}
{{- end }}

{{- /* What the pod specifications of all DaemonSets begin with. */}}
{{- define "alcove.podSpec" -}}
enableServiceLinks: false
terminationGracePeriodSeconds: 10
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- include "alcove.imagePullSecrets" . }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "alcove.imagePullSecrets" }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* Nodes with SGX: any of the labels, or any of the instance types. */}}
{{- define "alcove.sgxNodes" -}}
{{- $labels := dict -}}
{{- range $label, $value := .Values.nodeLabels -}}
{{- if not (kindIs "invalid" $value) -}}{{- $_ := set $labels $label $value -}}{{- end -}}
{{- end -}}
{{- if not (or $labels .Values.instanceTypes) -}}
{{- fail "nodeLabels and instanceTypes are both empty: no node would have SGX. Name a label or an instance type." -}}
{{- end -}}
nodeAffinity:
  requiredDuringSchedulingIgnoredDuringExecution:
    nodeSelectorTerms:
      {{- range $label, $value := $labels }}
      - matchExpressions:
          {{- include "alcove.linuxAmd64" $ | nindent 10 }}
          - key: {{ $label }}
            operator: In
            values: [{{ $value | quote }}]
      {{- end }}
      {{- with .Values.instanceTypes }}
      - matchExpressions:
          {{- include "alcove.linuxAmd64" $ | nindent 10 }}
          - key: node.kubernetes.io/instance-type
            operator: In
            values:
              {{- toYaml . | nindent 14 }}
      {{- end }}
{{- end }}

{{- define "alcove.linuxAmd64" -}}
- key: kubernetes.io/os
  operator: In
  values: [linux]
- key: kubernetes.io/arch
  operator: In
  values: [amd64]
{{- end }}

{{- /* Any node with a machine: virtual ones, such as those of AKS's virtual nodes, have no directories to look at. */}}
{{- define "alcove.anyNode" -}}
nodeAffinity:
  requiredDuringSchedulingIgnoredDuringExecution:
    nodeSelectorTerms:
      - matchExpressions:
          {{- include "alcove.linuxAmd64" . | nindent 10 }}
          - key: type
            operator: NotIn
            values: [virtual-kubelet]
{{- end }}

{{- /* Of every container, which has no right that its work does not need. */}}
{{- define "alcove.containerSecurity" -}}
privileged: false
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "alcove.ownNodeName" -}}
valueFrom:
  fieldRef:
    fieldPath: spec.nodeName
{{- end }}

{{- /* Where a part answers the kubelet's probes, and Prometheus. */}}
{{- define "alcove.probes" -}}
ports:
  - name: probes
    containerPort: 8081
# Ready soon after it has registered, which a rollout waits for; asked less often from then on, as each probe costs as much as a look at the node.
startupProbe:
  httpGet: { path: /readyz, port: probes }
  periodSeconds: 1
  failureThreshold: 86400
readinessProbe:
  httpGet: { path: /readyz, port: probes }
  periodSeconds: 10
livenessProbe:
  httpGet: { path: /healthz, port: probes }
  periodSeconds: 20
  timeoutSeconds: 10
  failureThreshold: 6
{{- end }}

{{- /* The node as a part sees it, without writing to it. */}}
{{- define "alcove.hostViewMounts" -}}
- name: dev
  mountPath: /host/dev
  readOnly: true
  # Nor may it write to what is mounted below, such as /dev/shm.
  recursiveReadOnly: IfPossible
- name: numa
  mountPath: /host/sys/devices/system/node
  readOnly: true
{{- end }}

{{- define "alcove.hostViewVolumes" -}}
# To see whether the device nodes are there. None of SGX's is opened, and none could be: the pod was given none.
- name: dev
  hostPath:
    path: /dev
    type: Directory
# EPC of each NUMA node, Linux 5.17 and later.
- name: numa
  hostPath:
    path: /sys/devices/system/node
    type: Directory
{{- end }}

{{- /* An init container that hands directories of the node over. Called with a list: the root, the volume, the directories. */}}
{{- define "alcove.prepareDirectory" -}}
{{- $root := index . 0 -}}
{{- $directories := index . 2 -}}
# The kubelet makes a hostPath directory as root's, 0755. Root hands it over to the group of the daemon below, for which
# it needs no capability, and ends. Programs run as other users: they can connect, and remove nothing.
- name: prepare-directory
  image: {{ include "alcove.image" $root }}
  imagePullPolicy: {{ $root.Values.image.pullPolicy }}
  args:
    - prepare-directory
    {{- range $directories }}
    - {{ . }}
    {{- end }}
  securityContext:
    runAsNonRoot: false
    runAsUser: 0
    runAsGroup: 65531
    {{- include "alcove.containerSecurity" $root | nindent 4 }}
  resources:
    requests:
      cpu: 10m
      memory: 64Mi
    limits:
      memory: 256Mi
  volumeMounts:
    - name: {{ index . 1 }}
      mountPath: {{ first $directories }}
{{- end }}

{{- /* "true" or "": whether the quote helper runs. */}}
{{- define "alcove.quoteHelperEnabled" -}}
{{- $simulated := eq .Values.platform "simulated" -}}
{{- $enabled := .Values.quoteHelper.enabled -}}
{{- if kindIs "invalid" $enabled -}}
{{- $enabled = $simulated -}}
{{- end -}}
{{- if and $enabled (not $simulated) -}}
{{- fail "quoteHelper.enabled: this version makes quotes of simulated platforms only; leave it out with platform=hardware" -}}
{{- end -}}
{{- if $enabled }}true{{ end -}}
{{- end }}

{{- /* "true" or "": whether the chart makes the simulator's Secret. */}}
{{- define "alcove.simulatorKeys" -}}
{{- with .Values.simulator -}}
{{- if or .keys.seed .keys.authorities .keys.publication -}}
{{- if not (and .keys.seed .keys.authorities .keys.publication) -}}
{{- fail "simulator.keys: seed, authorities and publication belong together; give all three or none" -}}
{{- end -}}
{{- if .existingSecret -}}
{{- fail "simulator.keys and simulator.existingSecret: give one of them" -}}
{{- end -}}
true
{{- end -}}
{{- end -}}
{{- end }}
