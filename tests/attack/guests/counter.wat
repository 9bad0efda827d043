;; Counts in a global: a fresh instance counts to one, always. Traps on demand.
(component
  (core module $m
    (global $count (mut i32) (i32.const 0))
    (func (export "count") (result i32)
      (global.set $count (i32.add (global.get $count) (i32.const 1)))
      (global.get $count))
    (func (export "crash") unreachable))
  (core instance $i (instantiate $m))
  (func (export "count") (result u32) (canon lift (core func $i "count")))
  (func (export "crash") (canon lift (core func $i "crash"))))
