;; Recurses as deep as it is told, with some stack in every frame.
(component
  (core module $m
    (func $down (export "down") (param $n i32) (result i32)
      (if (result i32) (local.get $n)
        (then (i32.add (call $down (i32.sub (local.get $n) (i32.const 1))) (i32.const 1)))
        (else (i32.const 0)))))
  (core instance $i (instantiate $m))
  (func (export "down") (param "n" u32) (result u32) (canon lift (core func $i "down"))))
