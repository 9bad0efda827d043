;; Traps after touching a megabyte.
(component
  (core module $m
    (memory 16)
    (func (export "trap") (memory.fill (i32.const 0) (i32.const 1) (i32.const 1048576)) unreachable))
  (core instance $i (instantiate $m))
  (func (export "trap") (canon lift (core func $i "trap"))))
