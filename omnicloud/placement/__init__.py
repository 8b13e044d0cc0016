"""Where a workload should run, and how much it really needs.

The rooms: ``model`` (values in and out), ``engine`` (filter, score, reserve), ``rules`` (one
file for each constraint and objective), ``forecast`` and ``energy``. All but the values need
the extra ``omnicloud[placement]``. Nothing here does I/O.
"""
