"""Rules of service levels: clocks as state machines, and the policies that set them."""
