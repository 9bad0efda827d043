;; Recursion without end.
(component
  (core module $m (func $r (export "recurse") (result i32) (i32.add (call $r) (i32.const 1))))
  (core instance $i (instantiate $m))
  (func (export "recurse") (result u32) (canon lift (core func $i "recurse"))))
