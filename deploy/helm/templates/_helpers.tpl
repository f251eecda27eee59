{{/* Labels of an object of one component: (dict "top" $ "part" "hub"). */}}
{{- define "collegium.labels" -}}
app.kubernetes.io/part-of: collegium
app.kubernetes.io/instance: {{ .top.Release.Name }}
app.kubernetes.io/component: {{ .part }}
app.kubernetes.io/version: {{ .top.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .top.Release.Service }}
{{- end }}

{{- define "collegium.selector" -}}
app.kubernetes.io/instance: {{ .top.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "collegium.secret" -}}
{{ .Values.secrets.existing | default (printf "%s-secrets" .Release.Name) }}
{{- end }}

{{- define "collegium.claim" -}}
{{ .Values.storage.existingClaim | default (printf "%s-data" .Release.Name) }}
{{- end }}

{{- define "collegium.databaseSecret" -}}
{{ .Values.database.existingSecret | default (printf "%s-database" .Release.Name) }}
{{- end }}

{{- define "collegium.objectStoreSecret" -}}
{{ .Values.objectStore.existingSecret | default (printf "%s-object-store" .Release.Name) }}
{{- end }}

{{- define "collegium.publicUrl" -}}
{{- if .Values.publicUrl -}}
{{ .Values.publicUrl }}
{{- else if and .Values.ingress.enabled .Values.ingress.host -}}
{{ if .Values.ingress.tlsSecret }}https{{ else }}http{{ end }}://{{ .Values.ingress.host }}/
{{- else -}}
http://localhost:8000/
{{- end -}}
{{- end }}

{{/* What hub, service, workers and culler are told of the cluster. */}}
{{- define "collegium.clusterFile" -}}
{{ dict "release" .Release.Name "namespace" .Release.Namespace "claim" (include "collegium.claim" .) "images" .Values.images "storage" .Values.storage "servers" .Values.servers "jobs" .Values.jobs "kernels" .Values.kernels | toJson }}
{{- end }}

{{- define "collegium.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 100
fsGroup: 100
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "collegium.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: ["ALL"]
{{- end }}

{{- define "collegium.resources" -}}
requests:
  cpu: {{ .cpu | quote }}
  memory: {{ .memory | quote }}
limits:
  memory: {{ .memoryLimit | quote }}
{{- end }}

{{- define "collegium.pullSecrets" -}}
{{- with .Values.images.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end }}

{{/* Settings of the platform, as variables. */}}
{{- define "collegium.environment" -}}
- name: COLLEGIUM_DATA_DIR
  value: /srv/collegium
- name: COLLEGIUM_CLUSTER_FILE
  value: /etc/collegium/cluster.json
- name: COLLEGIUM_SECRETS_DIR
  value: /etc/collegium-secrets
- name: COLLEGIUM_PUBLIC_URL
  value: {{ include "collegium.publicUrl" . | quote }}
{{- if .Values.wildcardDomain }}
- name: COLLEGIUM_WILDCARD_DOMAIN
  value: {{ .Values.wildcardDomain | quote }}
{{- end }}
- name: COLLEGIUM_ADMIN
  value: {{ .Values.admin | quote }}
- name: HOME
  value: /tmp
{{- if or .Values.database.existingSecret .Values.database.bundled }}
- name: COLLEGIUM_DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ include "collegium.databaseSecret" . }}
      key: url
- name: COLLEGIUM_HUB_DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ include "collegium.databaseSecret" . }}
      key: hub-url
{{- end }}
{{- range $name, $value := .Values.environment }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{- define "collegium.environmentFrom" -}}
{{- if or .Values.objectStore.existingSecret .Values.objectStore.bundled }}
envFrom:
  - secretRef:
      name: {{ include "collegium.objectStoreSecret" . }}
{{- end }}
{{- end }}

{{- define "collegium.mounts" -}}
- name: data
  mountPath: /srv/collegium
- name: cluster
  mountPath: /etc/collegium
  readOnly: true
- name: secrets
  mountPath: /etc/collegium-secrets
  readOnly: true
- name: scratch
  mountPath: /tmp
{{- end }}

{{- define "collegium.volumes" -}}
- name: data
  persistentVolumeClaim:
    claimName: {{ include "collegium.claim" . }}
- name: cluster
  configMap:
    name: {{ .Release.Name }}-cluster
- name: secrets
  secret:
    secretName: {{ include "collegium.secret" . }}
    defaultMode: 288
- name: scratch
  emptyDir:
    sizeLimit: 1Gi
{{- end }}

{{/* Begin of the pod of one part: (dict "top" $ "part" "hub" "account" "hub"). A new configuration starts new pods. */}}
{{- define "collegium.podMetadata" -}}
metadata:
  labels:
    {{- include "collegium.labels" . | nindent 4 }}
  annotations:
    collegium.org/configuration: {{ include "collegium.clusterFile" .top | sha256sum | trunc 16 | quote }}
{{- end }}

{{- define "collegium.podSpec" -}}
serviceAccountName: {{ .top.Release.Name }}-{{ .account }}
automountServiceAccountToken: {{ ne .account "none" }}
enableServiceLinks: false
terminationGracePeriodSeconds: 30
securityContext:
  {{- include "collegium.podSecurity" .top | nindent 2 }}
{{- include "collegium.pullSecrets" .top }}
{{- end }}

{{/* Everywhere but the metadata addresses of clouds, from which credentials of the node could be had. */}}
{{- define "collegium.outwards" -}}
- to:
    - namespaceSelector: {}
    - ipBlock:
        cidr: 0.0.0.0/0
{{- with .Values.networkPolicies.blockedAddresses }}
        except:
          {{- toYaml . | nindent 10 }}
{{- end }}
{{- end }}
