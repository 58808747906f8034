from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sandbox.site_traffic import Bucket


@given(st.floats(0.1, 50), st.integers(1, 20), st.lists(st.floats(0, 3), min_size=1, max_size=60))
def test_a_bucket_never_lets_more_pass_than_the_burst_and_the_rate(per_second, burst, waits):
    now = [0.0]
    bucket = Bucket(per_second=per_second, burst=burst, clock=lambda: now[0])
    passed = 0
    for wait in waits:
        now[0] += wait
        missing = bucket.take()
        passed += not missing
        assert passed <= burst + now[0] * per_second + 1e-6
        if missing:
            now[0] += missing + 1e-6
            assert bucket.take() == 0
            passed += 1
