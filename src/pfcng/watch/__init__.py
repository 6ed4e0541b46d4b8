"""What lets an exploitant see a running platform: metrics, logs, traces."""
