"""The packaged experiments: one YAML document per table, figure or ablation."""
