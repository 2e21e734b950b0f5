"""The audit trail: a tree whose root commits to every entry, proofs of it, and signed checkpoints."""
