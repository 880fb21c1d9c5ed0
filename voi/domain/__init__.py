"""What is true: terminals, templates, disks and their levels, uploads, rollouts; values and pure rules."""
