"""Phase E: PtychoPINN's network trained on groups, the Baseline on single images and true patches."""
