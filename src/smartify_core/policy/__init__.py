"""Who may see a name, and the record that proves it. So far: the audit trail's tree, proofs and checkpoints."""
