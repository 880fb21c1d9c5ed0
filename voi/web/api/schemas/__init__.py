"""What the API answers: times in UTC, sizes in bytes, rates in bytes a second, progress from 0 to 1."""
