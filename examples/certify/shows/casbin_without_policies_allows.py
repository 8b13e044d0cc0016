"""pycasbin: an enforcer that has no policies yet allows what its matcher lets match nothing.

With no policies the matcher is evaluated once all the same, with empty texts in their place,
and the empty pattern of ``regexMatch`` matches everything: before its policies are loaded, or
where none are left, the enforcer allows all. A fault: the effect asks for *some* policy that
allows, and the project says that without one the answer is false (apache/casbin issue 1334).
"""

import sys

import casbin

MODEL = """
[request_definition]
r = sub, act, obj
[policy_definition]
p = sub, act, obj
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = regexMatch(r.sub, p.sub) && regexMatch(r.act, p.act) && regexMatch(r.obj, p.obj)
"""

enforcer = casbin.Enforcer(casbin.Enforcer.new_model(text=MODEL))
allowed = enforcer.enforce("mallory", "delete", "everything")
print("expected: False, for there is no policy")
print(f"happened: {allowed}, with the policies {enforcer.get_policy()}")
sys.exit(0 if allowed else 1)
