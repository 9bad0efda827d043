;; The least that a tool can do.
(component
  (core module $m (func (export "quick") (result i32) (i32.const 5)))
  (core instance $i (instantiate $m))
  (func (export "quick") (result u32) (canon lift (core func $i "quick"))))
