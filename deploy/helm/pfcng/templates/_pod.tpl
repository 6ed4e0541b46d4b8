{{- define "pfcng.pod" -}}
securityContext: { runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001, fsGroup: 10001, seccompProfile: { type: RuntimeDefault } }
terminationGracePeriodSeconds: 60
volumes:
  - name: reglages
    secret: { secretName: {{ .Values.reglages }}, defaultMode: 0440 }
  - name: tmp
    emptyDir: {}
{{- end }}
{{- define "pfcng.container" -}}
image: {{ .Values.image }}
envFrom: [{ secretRef: { name: {{ .Values.variables }} } }]
volumeMounts:
  - { name: reglages, mountPath: /etc/pfcng, readOnly: true }
  - { name: tmp, mountPath: /tmp }
securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: [ALL] } }
{{- end }}
