"""What Formcue costs: time, lateness and memory, measured on the real parts. Stands above the window."""
