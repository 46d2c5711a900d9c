"""What will happen in a practice: who will come, how many will ask, how long it takes.

`attendance` (no-show and late cancellation of booked visits), `demand` (how many, by place, type and time), `durations` (how long a visit takes).
Arrays in, chances and quantiles out; what the data cannot answer raises `CannotTell`.
Who may call: spokes, wheel, journeys; it knows science.refusal.
"""
