"""Programs of the TPU compiler, read by hand."""

from launch import programs

HLO = """HloModule step

%fused (p: f32[2]) -> f32[2] {
  %c = f32[2]{0} convolution(%p, %p), window={size=3x3 pad=1_1x1_1}, dim_labels=b01f
  ROOT %s = f32[2]{0} reduce(%c, %z), dimensions={0}, to_apply=%add
}

%moved (p: f32[2]) -> f32[2] {
  %t = f32[2]{0} transpose(%p), dimensions={0}
  ROOT %u = f32[2]{0} copy(%t)
}

%body.1 (p: f32[2]) -> f32[2] {
  %double = f32[2]{0} fusion(%p), calls=%moved, backend_config={"estimated_cycles":"5"}
}

ENTRY %main (p: f32[2]) -> f32[2] {
  %a = f32[8,4]{1,0} fusion(%p), calls=%fused, backend_config={"estimated_cycles":"100"}
  %d = (f32[8]{0:T(8)}, f32[]) fusion(), calls=%m, config={"estimated_cycles":"70"}
  %e = f32[8,4]{1,0} add(%a, %a), backend_config={"estimated_cycles":"30"}
  %b = f32[8,4]{1,0} broadcast(%a), backend_config={"estimated_cycles":"20"}
  %w = f32[2]{0} while(%a), condition=%c, body=%body.1
  %all-reduce.1 = (bf16[8,4]{1,0}, f32[]{:T(128)}) all-reduce(%a, %b), channel_id=2
  %all-gather-start.1 = f32[16]{0} all-gather-start(%a), channel_id=3
  %get-tuple-element.2 = f32[8,4]{1,0} get-tuple-element(%all-reduce.1), index=0
}

%m (p: f32[2]) -> f32[2] {
  %o = f32[2]{0} convolution(%p, %p), dim_labels=bf_io->bf
  ROOT %n = f32[2]{0} add(%o, %p)
}
"""


def test_cycles_are_counted_by_what_is_dearest_in_an_instruction():
    assert programs.Program(HLO).cycles() == {
        "convolution": (100, 1),
        "matrix product": (70, 1),
        "by element": (30, 1),
        "broadcast": (20, 1),
        "copy, layout": (5, 1),  # in a loop: once
    }


def test_collectives_are_counted_by_what_they_hand_over():
    assert programs.Program(HLO).collectives() == {
        "all-reduce": (8 * 4 * 2 + 4, 1),
        "all-gather": (16 * 4, 1),
    }
