;; Grows a table until that fails, then traps.
(component
  (core module $m
    (table 0 funcref)
    (func (export "lengthen")
      (loop (br_if 0 (i32.ne (table.grow (ref.null func) (i32.const 500)) (i32.const -1))))
      unreachable))
  (core instance $i (instantiate $m))
  (func (export "lengthen") (canon lift (core func $i "lengthen"))))
