;; Makes handles of the host without end and keeps them all.
(component
  (import "wasi:io/poll@0.2.12" (instance $poll (export "pollable" (type (sub resource)))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.12" (instance $clock
    (alias outer 1 $pollable (type $outer))
    (export "pollable" (type $own (eq $outer)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $own))))))
  (alias export $clock "subscribe-duration" (func $subscribe))
  (core func $lowered (canon lower (func $subscribe)))
  (core module $m
    (import "" "subscribe" (func $subscribe (param i64) (result i32)))
    (func (export "hoard") (loop (drop (call $subscribe (i64.const 1000000000000))) (br 0))))
  (core instance $i (instantiate $m (with "" (instance (export "subscribe" (func $lowered))))))
  (func (export "hoard") (canon lift (core func $i "hoard"))))
